import { createMesh, type Mesh, type MeshOptions } from 'inmesh';

/** A mesh as a service has it, with the recorder on and its workload's name on every call; `reviews` is at `ports`. */
export function benchMesh(ports: readonly number[], options: MeshOptions = {}): Promise<Mesh> {
  return createMesh({
    service: 'bench',
    version: 'v1',
    endpoints: { reviews: ports.map((port) => ({ port, labels: { version: 'v1' } })) },
    ...options,
  });
}
