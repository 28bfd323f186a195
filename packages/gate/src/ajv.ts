/** Ajv, loaded with the first schema that is compiled: its modules would be a tenth of the start of a server. */
import { createRequire } from "node:module";
import type * as AjvModule from "ajv";
import type * as Ajv2020Module from "ajv/dist/2020.js";
import type * as FormatsModule from "ajv-formats";

const require = createRequire(import.meta.url);

export function loadAjv(): typeof AjvModule.Ajv {
  return (require("ajv") as typeof AjvModule).Ajv;
}

/** For JSON Schema 2020-12, with the formats that `addFormats` adds. */
export function loadAjv2020(): {
  readonly Ajv2020: typeof Ajv2020Module.Ajv2020;
  readonly addFormats: typeof FormatsModule.default.default;
} {
  const { Ajv2020 } = require("ajv/dist/2020.js") as typeof Ajv2020Module;
  const { default: addFormats } = require("ajv-formats") as typeof FormatsModule.default;
  return { Ajv2020, addFormats };
}
