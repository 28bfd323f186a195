import type { AnyDefinition } from "@holdfast/actors";
import { version } from "@holdfast/core";

/** The body of `GET /health`: whether the server accepts requests, and which server it is. */
export interface HealthBody {
  readonly status: "ok" | "shutting-down";
  readonly runtime: "holdfast";
  readonly version: string;
}

export function healthBody(status: HealthBody["status"]): HealthBody {
  return { status, runtime: "holdfast", version };
}

/** The body of `GET /metadata`: which server it is, and its actors by their names. */
export function metadataBody(definitions: Readonly<Record<string, AnyDefinition>>): unknown {
  const actorNames = Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => {
      const { displayName, icon } = definition["~definition"];
      return [name, { metadata: { ...(displayName && { name: displayName }), ...(icon && { icon }) } }];
    }),
  );
  return { runtime: "holdfast", version, actorNames };
}
