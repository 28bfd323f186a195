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
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: {
        ...headers,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: encodeJson(body) }),
    });
    text = await response.text();
  } catch (cause) {
    throw new HoldfastError("client", "network_error", "The server does not answer", { cause });
  }
  if (!response.ok) throw problemOf(text, response.status);
  return (text === "" ? undefined : decodeJson(text, maxValueDepth)) as Answer;
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
