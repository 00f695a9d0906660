export * from '@inmesh/client/axios';
