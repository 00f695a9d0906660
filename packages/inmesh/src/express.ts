import { identityOf } from '@inmesh/auth';
import type {} from '@inmesh/auth/express'; // types `request.identity`
import type { PipelineOwner } from '@inmesh/inbound';
import { type MeshMiddleware, meshExpress as openMesh } from '@inmesh/inbound/express';

export { authenticate, authorize, requireRole } from '@inmesh/auth/express';
export type { MeshMiddleware } from '@inmesh/inbound/express';

/**
 * Express middleware: `app.use(meshExpress(mesh))`, first of all. Under `mesh.listen` it adds the
 * route's pattern and `request.identity`; without it, it is the whole inbound half for what is
 * mounted below it.
 */
export function meshExpress(owner: PipelineOwner): MeshMiddleware {
  const open = openMesh(owner);
  return (request, response, next) => {
    open(request, response, () => {
      (request as Express.Request).identity = identityOf(request);
      next();
    });
  };
}
