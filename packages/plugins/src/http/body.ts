/**
 * The body of an answer, at most `most` bytes of it: as `json` or `text` where it is that, else as
 * `base64`. The rest is not read; `truncated` says so.
 */
export async function bodyOf(response: Response, most: number): Promise<Record<string, unknown>> {
  const { bytes, truncated } = await firstBytes(response, most);
  const type = response.headers.get("content-type") ?? "";
  return { ...shown(bytes, type, truncated), bytes: bytes.length, ...(truncated ? { truncated } : {}) };
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

function shown(bytes: Buffer, type: string, truncated: boolean): Record<string, unknown> {
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

/** Undefined when the bytes are not what the type says. */
function decoded(bytes: Buffer, type: string, truncated: boolean): string | undefined {
  const label = /;\s*charset="?([\w.:-]+)"?/i.exec(type)?.[1] ?? "utf-8";
  try {
    // The stream's own way to leave out a character that was cut.
    return new TextDecoder(label, { fatal: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
