/** What a value of an expression is. A duration is milliseconds. */
export type CelType = 'text' | 'number' | 'boolean' | 'duration' | 'headers';

export interface CelAttribute {
  readonly type: CelType;
  /**
   * `label`: known of a whole series, since its values are few. `capped`: a request's own, of which
   * there usually are few; as a label it makes series up to their cap. `request`: another one with
   * each request; as a label it would do nothing but fill the cap.
   */
  readonly scope: 'label' | 'capped' | 'request';
}

function attribute(type: CelType, scope: CelAttribute['scope']): CelAttribute {
  return Object.freeze({ type, scope });
}

const peers = ['upstream_peer', 'downstream_peer'].flatMap((peer) =>
  ['app', 'namespace', 'workload', 'version', 'principal'].map(
    (name) => [`${peer}.${name}`, attribute('text', 'label')] as const,
  ),
);

/** The attributes of Envoy and Istio that a process can tell, and `inmesh.…` beside them. */
export const celAttributes: ReadonlyMap<string, CelAttribute> = new Map([
  ['request.method', attribute('text', 'label')],
  ['request.url_path', attribute('text', 'request')],
  ['request.host', attribute('text', 'capped')],
  ['request.scheme', attribute('text', 'capped')],
  ['request.headers', attribute('headers', 'capped')],
  ['request.useragent', attribute('text', 'request')],
  ['request.referer', attribute('text', 'request')],
  ['request.id', attribute('text', 'request')],
  ['request.size', attribute('number', 'request')],
  ['request.duration', attribute('duration', 'request')],
  ['response.code', attribute('number', 'label')],
  ['response.size', attribute('number', 'request')],
  ['connection.mtls', attribute('boolean', 'label')],
  ['inmesh.route', attribute('text', 'label')],
  ['inmesh.flag', attribute('text', 'label')],
  ['inmesh.service', attribute('text', 'label')],
  ...peers,
]);

/** What to write instead of an attribute that Envoy or Istio has and we do not; `undefined` for one that nobody has. */
export function celReplacement(name: string): string | undefined {
  const end = /^(?:source|destination)(?=[._])/.exec(name)?.[0];
  if (end === undefined) return celReplacements.get(name);
  const peer = end === 'source' ? 'downstream_peer' : 'upstream_peer';
  return `use ${peer}.app, .namespace, .workload, .version or .principal`;
}

const celReplacements: ReadonlyMap<string, string> = new Map([
  ['request.path', 'queries are never recorded: use request.url_path'],
  ['response.flags', 'it is a number of Envoy’s: use inmesh.flag, such as "UO"'],
  ['response.headers', 'response headers are not recorded'],
  ['request_operation', 'operations are not named here: use inmesh.route'],
  ['istio_operationId', 'operations are not named here: use inmesh.route'],
  ['request.query', 'queries are never recorded'],
]);
