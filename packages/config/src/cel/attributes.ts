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

/** What to write instead of attributes that Envoy has and we do not. */
export const celReplacements: ReadonlyMap<string, string> = new Map([
  ['request.path', 'queries are never recorded: use request.url_path'],
  ['response.flags', 'it is a number of Envoy’s: use inmesh.flag, such as "UO"'],
  ['response.headers', 'response headers are not recorded'],
  ['request.query', 'queries are never recorded'],
]);
