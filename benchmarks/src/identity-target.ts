/** The registry of the bench `identity`, in a process of its own: what it costs must not fall on who measures. */
import { createRegistryServer } from '@inmesh/registry-server';

const server = createRegistryServer({ port: 0, security: {} });
const { url } = await server.listen();
const { token } = await server.createToken({
  kind: 'join',
  name: 'bench',
  serviceAccount: 'bench',
  uses: 10_000,
});
process.send?.({ url, token });
process.once('disconnect', () => void server.close());
