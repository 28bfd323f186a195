import { randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";

/** Browsers resolve every name below it to their own machine. */
const localSuffix = ".localhost";
const namePattern = /^p-[0-9a-f]{24}$/;

/** The host names of previews. */
export class PreviewHosts {
  /** Scheme, and what follows the name: "https:" and ".preview.example.org". */
  readonly #given: { readonly scheme: string; readonly suffix: string; readonly port: string } | undefined;
  readonly #isSecure: boolean;

  /**
   * `pattern` is an origin with a name to be filled in, "https://*.preview.example.org", if people do not open the Studio by
   * a loopback address; `studioOrigin` is where they open it, if that is configured. Throws `preview.invalid_origin`.
   */
  constructor(pattern: string | undefined, studioOrigin: string | undefined) {
    this.#given = pattern === undefined ? undefined : parsePattern(pattern, studioOrigin);
    this.#isSecure = studioOrigin?.startsWith("https:") === true;
  }

  /** Source of frames in the policy of the Studio's pages. */
  get frameSource(): string {
    if (this.#given === undefined) return `http://*${localSuffix}:*`;
    const { scheme, suffix, port } = this.#given;
    return `${scheme}//*${suffix}${port === "" ? "" : `:${port}`}`;
  }

  newName(): string {
    return `p-${randomBytes(12).toString("hex")}`;
  }

  /** The name of the preview that a Host header is about; undefined for every other host. */
  nameOf(host: string | undefined): string | undefined {
    const hostname = host?.toLowerCase().replace(/:\d+$/, "") ?? "";
    const suffix = this.#given?.suffix ?? localSuffix;
    const name = hostname.endsWith(suffix) ? hostname.slice(0, -suffix.length) : "";
    return namePattern.test(name) ? name : undefined;
  }

  /** The origin of a preview, for a person who reaches the Studio by this Host header. Throws `preview.no_host`. */
  originOf(
    name: string,
    host: string | undefined,
  ): { readonly origin: string; readonly studioOrigin: string } {
    const studioOrigin = `${this.#isSecure ? "https" : "http"}://${host}`;
    if (this.#given !== undefined) {
      const { scheme, suffix, port } = this.#given;
      return { origin: `${scheme}//${name}${suffix}${port === "" ? "" : `:${port}`}`, studioOrigin };
    }
    const url = URL.canParse(studioOrigin) ? new URL(studioOrigin) : undefined;
    if (url === undefined || this.#isSecure || !isLoopback(url.hostname)) throw noHost();
    return { origin: `http://${name}${localSuffix}${url.port === "" ? "" : `:${url.port}`}`, studioOrigin };
  }
}

function parsePattern(pattern: string, studioOrigin: string | undefined) {
  const [, scheme = "", suffix = "", port = ""] =
    /^(https?:)\/\/\*(\.[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(\d{1,5}))?\/?$/.exec(pattern) ?? [];
  if (suffix === "") {
    const message = `"${pattern}" is not an origin for previews. Give the scheme, and a host that begins with "*.": https://*.preview.example.org`;
    throw new HoldfastError("preview", "invalid_origin", message, { statusCode: 400 });
  }
  const studio = studioOrigin === undefined ? "" : new URL(studioOrigin).hostname;
  if (studio !== "" && (suffix.endsWith(`.${studio}`) || `.${studio}`.endsWith(suffix))) {
    const message = `Previews at ${pattern} could set cookies for the Studio at ${studio}. Choose a host that is not below it, best of another domain`;
    throw new HoldfastError("preview", "invalid_origin", message, { statusCode: 400 });
  }
  return { scheme, suffix, port };
}

function isLoopback(name: string): boolean {
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function noHost(): HoldfastError {
  const message =
    "A preview needs a host name of its own, and a browser finds one by itself only on the Studio's machine. Open the Studio by its loopback address, or start it with --preview-origin.";
  return new HoldfastError("preview", "no_host", message, { statusCode: 409 });
}
