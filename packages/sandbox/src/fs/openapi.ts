import type { OpenApiPart } from "../openapi/part.ts";

export const fsPart: OpenApiPart = { paths: {}, schemas: {} };
