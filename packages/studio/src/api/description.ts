/**
 * The description of the HTTP API: for each action and each route, the schemas of what it takes and answers. Made from
 * the types of the contract when the package is built; the OpenAPI document and the tools of MCP come from it.
 */
import { readFile } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ActionDescription {
  readonly description: string;
  /** `group.code` of the errors that it names; `group.*` for all of a group. */
  readonly throws: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly isOptional: boolean }[];
  /** Of each parameter. */
  readonly args: readonly JsonSchema[];
  /** Absent for an action that answers nothing. */
  readonly output?: JsonSchema;
}

export interface RouteDescription {
  readonly summary: string;
  readonly status: number;
  readonly body?: JsonSchema;
  /** Media type of the body, if it is not JSON. */
  readonly bodyType?: string;
  readonly answer?: JsonSchema;
  readonly answerType?: string;
}

export interface ApiDescription {
  readonly version: 1;
  /** By "actor.action". */
  readonly actions: Readonly<Record<string, ActionDescription>>;
  /** By method and path, as in `routeRules`. */
  readonly routes: Readonly<Record<string, RouteDescription>>;
  /** Schemas that the others refer to as "#/components/schemas/NAME". */
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

export const descriptionFile = new URL("../../dist/api/api.json", import.meta.url);

let loaded: Promise<ApiDescription> | undefined;

/** Read once, on first use. Throws `studio.not_built`. */
export function loadApiDescription(): Promise<ApiDescription> {
  loaded ??= readFile(descriptionFile, "utf8").then(
    (text) => JSON.parse(text) as ApiDescription,
    (error: unknown) => {
      loaded = undefined;
      const message = "The description of the API is missing. Build the package: npm run build:api";
      throw new HoldfastError("studio", "not_built", message, { cause: error });
    },
  );
  return loaded;
}

export const schemaPath = "#/components/schemas/";
