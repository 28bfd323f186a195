import { header } from "@holdfast/client";
import { type Ports, toProblem } from "@holdfast/core";
import { visibleError } from "./exchange.ts";

/** An error response of the gateway: problem details, with a header that distinguishes it from responses of actors. */
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
