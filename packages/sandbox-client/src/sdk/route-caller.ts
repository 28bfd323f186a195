import type { Body, Http, HttpRequest } from "../internal/http.ts";

const jsonHeaders = { "content-type": "application/json" };

/** Calls routes of a sandbox server. */
export abstract class RouteCaller {
  /** Resolves when the server may be called. */
  protected abstract ready(): Promise<Http>;

  protected async send(method: HttpRequest["method"], path: string, call: Call = {}): Promise<Response> {
    const http = await this.ready();
    return await http.send(requestOf(method, path, call));
  }

  /**
   * Casts the answer to the route's type without validation, as typed HTTP clients do. Values that this package itself
   * depends on are checked where they are used.
   */
  protected async json<T>(method: HttpRequest["method"], path: string, call: Call = {}): Promise<T> {
    const http = await this.ready();
    return (await http.json(requestOf(method, path, call))) as T;
  }

  protected async none(method: HttpRequest["method"], path: string, call: Call = {}): Promise<void> {
    const response = await this.send(method, path, call);
    await response.body?.cancel();
  }
}

/** Parameters of a call. */
export interface Call {
  readonly query?: NonNullable<HttpRequest["query"]>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as it is. */
  readonly raw?: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

function requestOf(method: HttpRequest["method"], path: string, call: Call): HttpRequest {
  const { query, body, raw, headers } = call;
  return {
    method,
    path,
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { headers: jsonHeaders, body: JSON.stringify(body) }),
    ...(raw === undefined ? {} : { headers: headers ?? {}, body: raw }),
  };
}

/** An id as a part of a path. */
export function part(id: string): string {
  return encodeURIComponent(id);
}
