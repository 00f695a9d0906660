import type { App } from '../http/app.ts';
import { type InfoRoutesOptions, infoRoutes } from './info-routes.ts';
import { type ReadRoutesOptions, readRoutes } from './read-routes.ts';
import type { RouteParams, RouteQuery } from './route-table.ts';
import { batchBytes, type WriteRoutesOptions, writeRoutes } from './write-routes.ts';

/** Where clients look for Eureka: Spring's path and Netflix'. */
const prefixes = ['/eureka', '/eureka/v2'];

/** Eureka's REST API. It is Eureka's and not ours, so it is not in our OpenAPI document. */
export async function eurekaRoutes(
  app: App,
  options: ReadRoutesOptions & WriteRoutesOptions & InfoRoutesOptions,
): Promise<void> {
  const routes = [...readRoutes(options), ...writeRoutes(options), ...infoRoutes(options)];
  await app.register((scope, _options, done) => {
    // Bodies are read by what they say that they are, in one place; many say so and have none.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body);
    });
    for (const [method, path, access, handler] of routes) {
      const bodyLimit = path.startsWith('/peerreplication') ? batchBytes : options.bodyBytes;
      for (const prefix of prefixes) {
        // With and without a slash at the end: clients differ.
        for (const url of [prefix + path, `${prefix}${path}/`]) {
          scope.route<{ Params: RouteParams; Querystring: RouteQuery }>({
            method,
            url,
            bodyLimit,
            config: { access },
            schema: { hide: true },
            handler,
          });
        }
      }
    }
    done();
  });
}
