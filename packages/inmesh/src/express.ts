export * from '@inmesh/inbound/express';
