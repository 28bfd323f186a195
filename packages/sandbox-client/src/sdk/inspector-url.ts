export interface InspectorUrlOptions {
  baseUrl: string;
  /** It is part of the URL: do not share it. */
  token?: string;
  /** Further headers of its requests. */
  headers?: Record<string, string>;
}

/** The inspector of a sandbox server, with what it needs to connect. */
export function buildInspectorUrl(options: InspectorUrlOptions): string {
  const query = new URLSearchParams();
  if (options.token !== undefined && options.token !== "") query.set("token", options.token);
  if (options.headers !== undefined && Object.keys(options.headers).length > 0)
    query.set("headers", JSON.stringify(options.headers));
  const search = query.size === 0 ? "" : `?${query}`;
  return `${options.baseUrl.replace(/\/+$/, "")}/ui/${search}`;
}
