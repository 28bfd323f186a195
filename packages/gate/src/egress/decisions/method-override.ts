import { METHODS } from "node:http";

/**
 * Names by which a parameter says another method than the request does, each in many marks: `_method` (Laravel,
 * Rails, WordPress), `_HttpMethod` (Salesforce), `$httpMethod` (Google), and the fields of a request of that kind.
 */
const names = [
  /^[^a-z0-9](?:http-?)?method(?:-override)?$/,
  /^x-(?:http-)?method(?:-override)?$/,
  /^(?:http-)?method-override$/,
];

/** The methods that parameters of a query (with its question mark, or empty) ask for in place of the request's. */
export function overridingMethods(query: string): string[] {
  return query
    .slice(1)
    .split(/[&;]/)
    .flatMap((parameter) => {
      const at = parameter.indexOf("=");
      if (at < 0 || !names.some((name) => name.test(dashed(parameterName(parameter.slice(0, at))))))
        return [];
      const method = decoded(parameter.slice(at + 1))
        .trim()
        .toUpperCase();
      return METHODS.includes(method) ? [method] : [];
    });
}

/** The name of a parameter as a server reads it, however its letters are written. */
export function parameterName(written: string): string {
  return decoded(written).toLowerCase();
}

/** PHP makes one mark of many, and leaves out blanks before them. */
function dashed(name: string): string {
  return name.trimStart().replace(/[^a-z0-9]/g, "-");
}

function decoded(text: string): string {
  return text
    .replaceAll("+", " ")
    .replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
