/**
 * Reads up to `most` bytes of a response body as `json`, `text` or else `base64`. `truncated` tells that there is
 * more.
 */
export async function readBody(response: Response, most: number): Promise<Record<string, unknown>> {
  const { bytes, truncated } = await firstBytes(response, most);
  const type = response.headers.get("content-type") ?? "";
  return { ...encodeBody(bytes, type, truncated), bytes: bytes.length, ...(truncated ? { truncated } : {}) };
}

async function firstBytes(response: Response, most: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && size <= most) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  if (size > most) await reader?.cancel();
  return { bytes: Buffer.concat(chunks).subarray(0, most), truncated: size > most };
}

function encodeBody(bytes: Buffer, type: string, truncated: boolean): Record<string, unknown> {
  if (bytes.length === 0) return { text: "" };
  const json = /^application\/(?:[\w.+-]+\+)?json\b/i.test(type);
  const textual =
    json || type === "" || /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:xml|javascript)\b)/i.test(type);
  const text = textual ? decoded(bytes, type, truncated) : undefined;
  if (text === undefined) return { base64: bytes.toString("base64") };
  if (!json || truncated) return { text };
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return { text };
  }
}

/** Undefined when the bytes do not match the type. */
function decoded(bytes: Buffer, type: string, truncated: boolean): string | undefined {
  const label = /;\s*charset="?([\w.:-]+)"?/i.exec(type)?.[1] ?? "utf-8";
  try {
    // `stream` drops an incomplete character at the end.
    return new TextDecoder(label, { fatal: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
