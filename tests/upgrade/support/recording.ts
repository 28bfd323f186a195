/** What a client and a server have said to each other, in order. */

/** In which a client speaks. */
export const encodings = ["cbor", "json"] as const;
type Encoding = (typeof encodings)[number];

/** The body of a message: text as it is, bytes in hexadecimal. */
export interface Body {
  readonly text?: string;
  readonly hex?: string;
}

export type Exchange =
  | {
      readonly type: "request";
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Body;
      readonly status: number;
      readonly contentType: string | null;
      readonly answer: Body;
    }
  | {
      readonly type: "open";
      readonly socket: number;
      readonly path: string;
      readonly protocols: readonly string[];
    }
  | { readonly type: "sent"; readonly socket: number; readonly body: Body }
  | { readonly type: "received"; readonly socket: number; readonly body: Body }
  /** By the client. */
  | { readonly type: "close"; readonly socket: number };

export type Recording = Readonly<Record<Encoding, readonly Exchange[]>>;

export async function bodyOf(value: unknown): Promise<Body> {
  if (value === undefined || value === null) return {};
  if (typeof value === "string") return { text: value };
  const bytes = new Uint8Array(await new Response(value as Blob).arrayBuffer());
  return { hex: Buffer.from(bytes).toString("hex") };
}

export function bytesOf(body: Body): string | Uint8Array<ArrayBuffer> | undefined {
  return body.hex === undefined ? body.text : Uint8Array.from(Buffer.from(body.hex, "hex"));
}

/** The body of an answer: text if it is JSON. */
export async function answerOf(response: Response): Promise<Body> {
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return bodyOf(isJson ? await response.text() : await response.arrayBuffer());
}
