import { header } from "@holdfast/client";
import { type Ports, toProblem } from "@holdfast/core";
import { visibleError } from "./exchange.ts";

/** An error as the answer of a gateway: problem details, marked as not the actor's own. */
export function problemResponse(error: unknown, ports: Ports): Response {
  const visible = visibleError(error, ports);
  return Response.json(
    { ...toProblem(visible), message: visible.message },
    {
      status: visible.statusCode,
      headers: {
        "content-type": "application/problem+json",
        [header.error]: `${visible.group}.${visible.code}`,
      },
    },
  );
}
