/**
 * A secret as programs write it down. Each form is exact: what a program makes of a value in its own way is
 * none of them, and that is said in the documents.
 */
export function encodedForms(value: string): string[] {
  const bytes = Buffer.from(value);
  return [
    value,
    [...value].reverse().join(""),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...inJson(value),
    ...inHtml(value),
    ...inUrls(value),
    ...inBase64(bytes),
    ...inUtf16(value),
  ];
}

/**
 * A backslash before a slash is PHP's. Numbers stand for what is not ASCII in Python and PHP, for what HTML would read
 * in Go and Gson, and for both, with a plus, in .NET, whose digits are upper case.
 */
function inJson(value: string): string[] {
  const escaped = inQuotes(value);
  const numbered = (characters: RegExp) => escaped.replace(characters, unicodeEscape);
  return [
    escaped,
    escaped.replaceAll("/", "\\/"),
    numbered(/[<>&]/g),
    numbered(/[<>&=']/g),
    numbered(beyondAscii),
    numbered(beyondAscii).replaceAll("/", "\\/"),
    value
      .split('"')
      .map(inQuotes)
      .join('"')
      .replace(/[^\0-\x7f]|["&'+<>`]/g, upperUnicodeEscape),
    value.replace(/[\s\S]/g, unicodeEscape),
    value.replace(/[\s\S]/g, upperUnicodeEscape),
  ];
}

const inQuotes = (text: string) => JSON.stringify(text).slice(1, -1);
const beyondAscii = /[^\0-\x7f]/g;
const unicodeEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const upperUnicodeEscape = (unit: string) => unicodeEscape(unit).toUpperCase().replace("U", "u");

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function inHtml(value: string): string[] {
  const escaped = value.replace(/[&<>"]/g, (character) => entities[character] ?? character);
  return [escaped, escaped.replaceAll("'", "&#39;"), escaped.replaceAll("'", "&#x27;")];
}

/** As a part of a path, of a query and of a form, and with every byte escaped; in digits of either case. */
function inUrls(value: string): string[] {
  const all = [...Buffer.from(value)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`);
  const upper = [
    encodeURIComponent(value.toWellFormed()),
    encodeURI(value.toWellFormed()),
    new URLSearchParams({ "": value }).toString().slice(1),
    all.join(""),
  ];
  return [...upper, ...upper.map(lowerEscapes)];
}

const lowerEscapes = (text: string) => text.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase());

/** Wherever in the encoded bytes the value begins, and with what its alphabet has escaped in a URL or in JSON. */
function inBase64(bytes: Buffer): string[] {
  const forms: string[] = [];
  for (let shift = 0; shift < 3; shift++) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    for (const encoding of ["base64", "base64url"] as const) {
      const encoded = shifted.toString(encoding).replace(/=+$/, "");
      // Characters at both ends also depend on the bytes around the value.
      const from = shift === 0 ? 0 : shift + 1;
      const to = encoded.length - (shifted.length % 3 === 0 ? 0 : 1);
      const form = encoded.slice(from, to);
      forms.push(form, encodeURIComponent(form), lowerEscapes(encodeURIComponent(form)));
      forms.push(form.replaceAll("/", "\\/"));
    }
  }
  return forms;
}

/** Of either order of bytes: what both have between the first byte that is not zero and the last. */
function inUtf16(value: string): string[] {
  if (/[^\0-\x7f]/.test(value)) return [];
  const text = [...value].join("\0");
  const bytes = Buffer.from(text);
  return [text, bytes.toString("hex"), bytes.toString("hex").toUpperCase(), ...inBase64(bytes)];
}
