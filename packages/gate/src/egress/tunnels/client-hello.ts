/** Parsed ClientHello of a TLS connection. */
export type ClientHello =
  /** More bytes are needed. */
  | { readonly state: "partial" }
  | { readonly state: "invalid"; readonly problem: string }
  | { readonly state: "named"; readonly name: string };

const maxHelloBytes = 16 * 1024;
const serverNameExtension = 0;
const encryptedHelloExtension = 0xfe0d;

/**
 * Reads the server name from the ClientHello (RFC 8446, section 4.1.2; RFC 6066, section 3), which may be split into
 * records and chunks anywhere. Whatever it does not understand is invalid.
 */
export function readClientHello(data: Buffer): ClientHello {
  const hello: Buffer[] = [];
  let at = 0;
  let bytes = 0;
  let wanted = Number.POSITIVE_INFINITY;
  while (bytes < wanted) {
    if (data.length < at + 5) return partial(data);
    if (data[at] !== 22 || data[at + 1] !== 3) return invalid("it is not TLS");
    const length = data.readUInt16BE(at + 3);
    if (length === 0 || length > maxHelloBytes) return invalid("a record has a bad length");
    if (data.length < at + 5 + length) return partial(data);
    hello.push(data.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    bytes += length;
    if (wanted === Number.POSITIVE_INFINITY && bytes >= 4) {
      const head = Buffer.concat(hello);
      if (head[0] !== 1) return invalid("it does not begin with a ClientHello");
      wanted = 4 + head.readUIntBE(1, 3);
      if (wanted > maxHelloBytes) return invalid("its ClientHello is too long");
    }
  }
  try {
    return nameIn(Buffer.concat(hello).subarray(4, wanted));
  } catch {
    return invalid("its ClientHello is malformed");
  }
}

function partial(data: Buffer): ClientHello {
  return data.length > maxHelloBytes ? invalid("its ClientHello is too long") : { state: "partial" };
}

function invalid(problem: string): ClientHello {
  return { state: "invalid", problem };
}

/** Cursor over a TLS structure. Reading past the end throws a RangeError: the message is malformed. */
class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get done(): boolean {
    return this.#at === this.#data.length;
  }

  number(bytes: 1 | 2): number {
    const value = this.#data.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return value;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#data.length) throw new RangeError("past the end");
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  /** A length-prefixed vector. */
  vector(lengthBytes: 1 | 2): Buffer {
    return this.take(this.number(lengthBytes));
  }
}

function nameIn(hello: Buffer): ClientHello {
  const reader = new Reader(hello);
  // Version and random, session id, cipher suites, compression methods.
  reader.take(34);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  if (reader.done) return invalid("it names no server");
  const extensions = new Reader(reader.vector(2));
  let name: string | undefined;
  while (!extensions.done) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (type === encryptedHelloExtension) return invalid("its true server name may be encrypted");
    if (type !== serverNameExtension) continue;
    if (name !== undefined) return invalid("it names two servers");
    const names = new Reader(new Reader(content).vector(2));
    if (names.number(1) !== 0) return invalid("it names its server in an unknown way");
    name = names.vector(2).toString("latin1").toLowerCase();
    if (!names.done) return invalid("it names two servers");
  }
  return name === undefined ? invalid("it names no server") : { state: "named", name };
}
