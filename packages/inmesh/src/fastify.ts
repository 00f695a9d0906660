export * from '@inmesh/inbound/fastify';
