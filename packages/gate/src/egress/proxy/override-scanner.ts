/**
 * Finds method overrides in a request's body (`_method=DELETE` in a form), chunk by chunk in bounded memory. Parses
 * forms as leniently as the most lenient server.
 */
import { decoded, overridingMethod } from "../decisions/method-override.ts";

export interface OverrideScanner {
  /** Reads the next bytes of the body; gives the methods that are complete with them. Throws {@link HiddenPartError}. */
  push(chunk: Buffer): string[];
  /** At the end of the body. */
  end(): string[];
}

/** A part of a form has a head so long that servers and this scanner may read different names in it. */
export class HiddenPartError extends Error {}

/** Kept of one name or value. No method is longer, blanks and percent-encoding included. */
const maxTextBytes = 1024;
const maxPartHeadBytes = 8 * 1024;

/** Reader for a body of this `content-type`; undefined if no server reads a method override from it. */
export function overrideScanner(contentType: string | undefined): OverrideScanner | undefined {
  const scanners: OverrideScanner[] = [];
  const type = contentType?.toLowerCase();
  // Without a type, servers assume a form (Rack) or detect the type from the beginning.
  if (type === undefined || type.includes("urlencoded")) scanners.push(new UrlencodedScanner());
  if (type === undefined || type.includes("json")) scanners.push(new JsonScanner());
  if (type?.includes("multipart") === true) scanners.push(new MultipartScanner());
  if (scanners.length === 0) return undefined;
  return {
    push: (chunk) => scanners.flatMap((each) => each.push(chunk)),
    end: () => scanners.flatMap((each) => each.end()),
  };
}

const asList = (method: string | undefined) => (method === undefined ? [] : [method]);

/** Text up to a bound. Blanks at its beginning, which servers drop, do not count. */
class BoundedText {
  #text = "";

  add(text: string): void {
    const joined = this.#text + text;
    const long = joined.length > maxTextBytes;
    this.#text = long ? joined.replace(/^(?:[+\s]|%20|%0[09abd])+/i, "").slice(0, maxTextBytes) : joined;
  }

  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

/** Parameters of `application/x-www-form-urlencoded`, separated by `&` or `;`. */
class UrlencodedScanner implements OverrideScanner {
  readonly #name = new BoundedText();
  readonly #value = new BoundedText();
  #inValue = false;

  push(chunk: Buffer): string[] {
    const [first = "", ...others] = chunk.toString("latin1").split(/[&;]/);
    this.#add(first);
    return others.flatMap((parameter) => {
      const found = this.end();
      this.#add(parameter);
      return found;
    });
  }

  #add(text: string): void {
    const at = this.#inValue ? -1 : text.indexOf("=");
    if (at >= 0) {
      this.#name.add(text.slice(0, at));
      this.#value.add(text.slice(at + 1));
      this.#inValue = true;
    } else (this.#inValue ? this.#value : this.#name).add(text);
  }

  end(): string[] {
    const [name, value] = [this.#name.take(), this.#value.take()];
    this.#inValue = false;
    return asList(overridingMethod(decoded(name), decoded(value)));
  }
}

/**
 * Parts of `multipart/form-data`, line by line. Which boundary a server takes is not always clear, so every line that
 * reads as the `content-disposition` of a part begins one.
 */
class MultipartScanner implements OverrideScanner {
  #line = "";
  #lineBytes = 0;
  #at: "content" | "disposition" | "head" | "value" = "content";
  #disposition = "";

  push(chunk: Buffer): string[] {
    const [first = "", ...others] = chunk.toString("latin1").split("\n");
    this.#add(first);
    return others.flatMap((line) => {
      const found = this.end();
      this.#add(line);
      return found;
    });
  }

  #add(text: string): void {
    this.#lineBytes += text.length;
    if (this.#line.length < maxPartHeadBytes) this.#line += text.slice(0, maxPartHeadBytes);
  }

  end(): string[] {
    const [line, bytes] = [this.#line.replace(/\r$/, ""), this.#lineBytes];
    this.#line = "";
    this.#lineBytes = 0;
    if (this.#at === "value") {
      this.#at = "content";
      const names = namesIn(this.#disposition);
      return names.flatMap((name) => asList(overridingMethod(name, line.slice(0, maxTextBytes))));
    }
    if (this.#at !== "content" && line === "") {
      this.#at = "value";
      return [];
    }
    const continues = this.#at === "disposition" && /^[ \t]/.test(line);
    if (continues) this.#disposition += line;
    else if (/^content-disposition[ \t]*:/i.test(line)) {
      this.#disposition = line;
      this.#at = "disposition";
    } else if (this.#at === "disposition") this.#at = "head";
    const partial = this.#at === "disposition" && bytes > maxPartHeadBytes;
    if (partial || this.#disposition.length > maxPartHeadBytes) throw new HiddenPartError();
    return [];
  }
}

/** The values of `name` and `name*` in a `content-disposition` (RFC 7578, RFC 5987). */
function namesIn(disposition: string): string[] {
  const parameter = /;\s*name(\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/gi;
  return [...disposition.matchAll(parameter)].map(([, extended, quoted, plain = ""]) => {
    const written = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    return decoded(extended === "*" ? written.replace(/^[^']*'[^']*'/, "") : written);
  });
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The members of the outermost object of a JSON text whose values are texts. */
class JsonScanner implements OverrideScanner {
  #depth = 0;
  /** Whether the next text at depth 1 is a key; undefined where the outermost value is not an object. */
  #awaitsKey: boolean | undefined;
  #inText = false;
  #escaped = false;
  /** The text that is being read, where it is a member of the outermost object. */
  #text: string | undefined;
  #key = "";

  push(chunk: Buffer): string[] {
    const found: string[] = [];
    for (const byte of chunk) {
      if (this.#inText) found.push(...this.#readText(byte));
      else this.#readStructure(byte);
    }
    return found;
  }

  end(): string[] {
    return [];
  }

  #readText(byte: number): string[] {
    if (byte === quote && !this.#escaped) {
      this.#inText = false;
      return this.#endText();
    }
    this.#escaped = byte === backslash && !this.#escaped;
    if (this.#text !== undefined && this.#text.length <= maxTextBytes)
      this.#text += String.fromCharCode(byte);
    return [];
  }

  #endText(): string[] {
    if (this.#text === undefined) return [];
    const text = unescaped(this.#text);
    this.#text = undefined;
    if (this.#awaitsKey === true) {
      this.#key = text;
      return [];
    }
    return asList(overridingMethod(this.#key, text));
  }

  #readStructure(byte: number): void {
    if (byte === quote) {
      this.#inText = true;
      this.#escaped = false;
      if (this.#depth === 1 && this.#awaitsKey !== undefined) this.#text = "";
    } else if (byte === openBrace || byte === openBracket) {
      if (this.#depth === 0) this.#awaitsKey = byte === openBrace ? true : undefined;
      this.#depth += 1;
    } else if (byte === closeBrace || byte === closeBracket) this.#depth -= 1;
    else if (this.#depth === 1 && this.#awaitsKey !== undefined) {
      if (byte === colon) this.#awaitsKey = false;
      else if (byte === comma) this.#awaitsKey = true;
    }
  }
}

/** Decodes the content of a JSON string; "" for one that was cut off or is malformed. */
function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return "";
  }
}
