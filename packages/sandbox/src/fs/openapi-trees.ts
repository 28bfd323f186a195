import type { OpenApiPart } from "../openapi/part.ts";

export const treePaths: OpenApiPart["paths"] = {};
export const treeSchemas: OpenApiPart["schemas"] = {};
