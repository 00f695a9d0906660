import type { ExplainAnswer, ExplainRequest } from '@inmesh/core';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { RequestError, request } from '../api/request.ts';
import { href } from '../shell/route.ts';
import { navigate, useRoute } from '../shell/use-route.ts';
import { splitService } from '../ui/format.ts';
import { ErrorNote, Page } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { Answer } from './answer.tsx';
import { parseHeaders } from './parse-headers.ts';

/** Explains where a request would go and why. The question is in the address, so that it can be shared. */
export function WhyPage(): JSX.Element {
  const { query } = useRoute();
  const to = query.get('to');
  const url = query.get('url') ?? (to === undefined ? '' : `http://${hostFor(to)}/`);
  const asked = query.has('url');
  const [answer, setAnswer] = useState<ExplainAnswer | undefined>();
  const [error, setError] = useState<Pick<RequestError, 'message' | 'errors'> | undefined>();
  const key = JSON.stringify([...query]);
  useEffect(() => {
    setAnswer(undefined);
    setError(undefined);
    if (!asked) return;
    let over = false;
    ask(query).then(
      (told) => !over && setAnswer(told),
      (thrown: unknown) => {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        if (!over) setError(thrown instanceof RequestError ? thrown : { message, errors: [] });
      },
    );
    return () => {
      over = true;
    };
  }, [key]);
  const submit = (form: HTMLFormElement): void => {
    const fields = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, String(value)]),
    );
    navigate(href('why', [], fields));
  };
  return (
    <Page title="Why" lead="Where would this request go, and which rule says so? Nothing is sent.">
      <div class="why">
        <Panel title="Request">
          <form
            key={key}
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              submit(event.currentTarget);
            }}
          >
            <div class="form-url">
              <label class="form-row">
                <span>Method</span>
                <select class="field" name="method" defaultValue={query.get('method') ?? 'GET'}>
                  {['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((method) => (
                    <option key={method} selected={method === (query.get('method') ?? 'GET')}>
                      {method}
                    </option>
                  ))}
                </select>
              </label>
              <label class="form-row">
                <span>URL, as the caller writes it</span>
                <input
                  class="field"
                  name="url"
                  required
                  placeholder="http://reviews/reviews/7"
                  defaultValue={url}
                  spellcheck={false}
                  autoComplete="off"
                />
              </label>
            </div>
            <label class="form-row">
              <span>Headers, one in a line</span>
              <textarea
                class="field field-code"
                name="headers"
                rows={3}
                placeholder="end-user: jason"
                defaultValue={query.get('headers') ?? ''}
                spellcheck={false}
              />
            </label>
            <div class="form-pair">
              <label class="form-row">
                <span>Calling service</span>
                <input
                  class="field"
                  name="from"
                  placeholder="productpage"
                  defaultValue={query.get('from') ?? ''}
                  spellcheck={false}
                />
              </label>
              <label class="form-row">
                <span>its version</span>
                <input
                  class="field"
                  name="version"
                  placeholder="v1"
                  defaultValue={query.get('version') ?? ''}
                  spellcheck={false}
                />
              </label>
            </div>
            <button type="submit" class="button button-main">
              Explain
            </button>
          </form>
        </Panel>
        <div aria-live="polite">
          <ErrorNote error={error} />
          {answer !== undefined && <Answer answer={answer} />}
        </div>
      </div>
    </Page>
  );
}

/** Throws Error for headers that are none, RequestError for what the registry refuses. */
async function ask(query: ReadonlyMap<string, string>): Promise<ExplainAnswer> {
  const from = query.get('from');
  const { name, namespace } = splitService(from ?? '');
  const version = query.get('version');
  const body: ExplainRequest = {
    url: query.get('url') ?? '',
    method: query.get('method') ?? 'GET',
    headers: parseHeaders(query.get('headers') ?? ''),
    ...(from === undefined
      ? {}
      : {
          from: {
            service: name,
            ...(namespace === '' ? {} : { namespace }),
            ...(version === undefined ? {} : { version }),
          },
        }),
  };
  return request('/v1/explain', { method: 'POST', body });
}

/** The shortest name by which a service is called from its own namespace. */
function hostFor(service: string): string {
  const { name, namespace } = splitService(service);
  return namespace === 'default' ? name : service;
}
