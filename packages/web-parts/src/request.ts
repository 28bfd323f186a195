import { decodeJson, encodeJson, fromWireError, HoldfastError } from "@holdfast/core";

/** Maximum nesting, as for actors. */
export const maxValueDepth = 1_010;

/**
 * One request to the management or inspector API, with the cookie of this browser. Values use the structured codec.
 * Throws the server's error, and `client.network_error` if there is no response.
 */
export async function request<Answer>(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const init = {
    method,
    headers: {
      ...headers,
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: encodeJson(body) }),
  };
  const text = await answerOf(path, init, (response) => response.text());
  return (text === "" ? undefined : decodeJson(text, maxValueDepth)) as Answer;
}

/** The answer to a `GET` as a file. Throws as {@link request}, and the reason of the signal. */
export function requestBlob(path: string, signal: AbortSignal): Promise<Blob> {
  return answerOf(path, { signal }, (response) => response.blob());
}

async function answerOf<Body>(
  path: string,
  init: RequestInit,
  read: (response: Response) => Promise<Body>,
): Promise<Body> {
  let problem: HoldfastError;
  try {
    const response = await fetch(path, { ...init, credentials: "same-origin" });
    if (response.ok) return await read(response);
    problem = problemOf(await response.text(), response.status);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new HoldfastError("client", "network_error", "The server does not answer", { cause });
  }
  throw problem;
}

function problemOf(text: string, status: number): HoldfastError {
  try {
    const problem = decodeJson(text) as Readonly<Record<string, unknown>>;
    return fromWireError({ ...problem, message: problem["message"] ?? problem["detail"] }, status);
  } catch {
    return new HoldfastError("client", "network_error", `The server answered with ${status}`, {
      statusCode: status,
    });
  }
}

export function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
