/**
 * The registry server, for the commands that run it or look after its files. Loading it takes a
 * second, which every question to a registry would wait for as well.
 */
export function loadRegistryServer(): Promise<typeof import('@inmesh/registry-server')> {
  return import('@inmesh/registry-server');
}
