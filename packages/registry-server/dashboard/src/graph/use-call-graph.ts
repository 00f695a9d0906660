import type { CallGraph } from '@inmesh/core';
import { useEffect, useState } from 'preact/hooks';
import { RequestError, request } from '../api/request.ts';

export interface LiveGraph {
  readonly graph: CallGraph | undefined;
  readonly error: RequestError | undefined;
  /** Whether the stream is open: what is shown is as of now. */
  readonly live: boolean;
}

/** The graph that came last, shown at once when the page is opened again. */
let latest: CallGraph | undefined;

/** The call graph, live from the registry's stream; the browser opens it anew when it breaks. `paused` holds it as it is. */
export function useCallGraph(paused: boolean): LiveGraph {
  const [state, setState] = useState<LiveGraph>({ graph: latest, error: undefined, live: false });
  useEffect(() => {
    if (paused) return;
    let over = false;
    const take = (graph: CallGraph, live: boolean): void => {
      latest = graph;
      if (!over) setState({ graph, error: undefined, live });
    };
    const stream = new EventSource('/v1/graph/stream');
    stream.addEventListener('graph', (event: MessageEvent<string>) => {
      take(JSON.parse(event.data) as CallGraph, true);
    });
    stream.addEventListener('error', () => {
      setState((before) => ({ ...before, live: false }));
      // A stream that was refused is not tried again by the browser; a plain request tells why.
      if (stream.readyState !== EventSource.CLOSED || over) return;
      request<CallGraph>('/v1/graph').then(
        (graph) => take(graph, false),
        (error: unknown) => {
          if (error instanceof RequestError && !over) setState((before) => ({ ...before, error }));
        },
      );
    });
    return () => {
      over = true;
      stream.close();
      setState((before) => ({ ...before, live: false }));
    };
  }, [paused]);
  return state;
}
