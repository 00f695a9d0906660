/**
 * `POST /v1/explain`: ExplainRequest → ExplainAnswer. The registry answers with the resources and
 * endpoints that it holds itself; nothing is sent.
 */
import type { EndpointStatus } from './endpoint.ts';
import type { ServiceName } from './service-name.ts';

/** A request to ask about. */
export interface ExplainRequest {
  /** http or https, as the caller would write it: `http://reviews/ratings/7`. */
  readonly url: string;
  /** @default 'GET' */
  readonly method?: string;
  /** @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who calls: `sourceLabels`, `sourceNamespace` and `exportTo` go by it. @default a workload `unknown` in `default` */
  readonly from?: {
    readonly service: string;
    /** @default 'default' */
    readonly namespace?: string;
    readonly version?: string;
  };
}

/** What became of one route, in the order in which they were looked at. */
export interface ExplainedRoute {
  readonly route: string;
  readonly verdict: 'matched' | 'passed-over' | 'not-reached';
  /** What the match asked for, when it matched; why it did not, as sentences, when it was passed over. */
  readonly reasons: readonly string[];
}

/** One place that the request may go to, with its endpoints. */
export interface ExplainedTarget {
  readonly service: ServiceName;
  /** '' is the whole service. */
  readonly subset: string;
  /** 0..1 */
  readonly ratio: number;
  readonly chosen: boolean;
  /** `false`: no DestinationRule defines the subset, so it has no endpoints. */
  readonly defined: boolean;
  /** The DestinationRules that its policy comes from. */
  readonly rules: readonly string[];
  readonly endpoints: readonly {
    readonly id: string;
    /** `address:port` */
    readonly address: string;
    readonly version: string;
    readonly status: EndpointStatus;
  }[];
}

export interface ExplainAnswer {
  readonly service: string;
  /** The VirtualService that decides, as `Kind/namespace/name`; `null` when none speaks for the host. */
  readonly resource: string | null;
  readonly foundBy: 'exact' | 'wildcard' | 'none';
  /** Others for the same host, which are not used. */
  readonly ignored: readonly string[];
  readonly routes: readonly ExplainedRoute[];
  /** `outside`: the host is not of the mesh and in no ServiceEntry. */
  readonly outcome: 'forward' | 'respond' | 'no-route' | 'outside';
  /** The answer's, where there is no upstream; 0 otherwise. */
  readonly status: number;
  readonly targets: readonly ExplainedTarget[];
  readonly notes: readonly string[];
  /** The whole as lines for people. */
  readonly text: string;
}
