import { METHODS } from "node:http";

/**
 * Parameter names by which servers take another method than the request line has, in many spellings: `_method`
 * (Laravel, Rails, WordPress), `_HttpMethod` (Salesforce), `$httpMethod` (Google), and header names used as
 * parameters.
 */
const overrideNames = [
  /^[^a-z0-9](?:http-?)?method(?:-override)?$/,
  /^x-(?:http-)?method(?:-override)?$/,
  /^(?:http-)?method-override$/,
];

/** The methods that the parameters of a query (with its question mark, or empty) ask for in place of the request's. */
export function overridingMethods(query: string): string[] {
  return query
    .slice(1)
    .split(/[&;]/)
    .flatMap((parameter) => {
      const at = parameter.indexOf("=");
      if (at < 0) return [];
      const method = overridingMethod(decoded(parameter.slice(0, at)), decoded(parameter.slice(at + 1)));
      return method === undefined ? [] : [method];
    });
}

/** Method that a decoded parameter overrides with, if any. */
export function overridingMethod(name: string, value: string): string | undefined {
  if (!overrideNames.some((each) => each.test(dashed(name)))) return undefined;
  const method = value.trim().toUpperCase();
  return METHODS.includes(method) ? method : undefined;
}

/** The name of a parameter as a server reads it, however its letters are written. */
export function parameterName(written: string): string {
  return decoded(written).toLowerCase();
}

/** PHP drops leading blanks of a name and turns every other mark into one. */
function dashed(name: string): string {
  return name
    .toLowerCase()
    .trimStart()
    .replace(/[^a-z0-9]/g, "-");
}

/** Percent-decoding in which a plus is a blank; it never throws. */
export function decoded(text: string): string {
  return text
    .replaceAll("+", " ")
    .replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
