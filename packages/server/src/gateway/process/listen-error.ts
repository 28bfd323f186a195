import { getSystemErrorMap } from "node:util";
import { HoldfastError } from "@holdfast/core";

/**
 * Explains why a server could not listen, and what to do: `gateway.port_in_use` or `gateway.cannot_listen`.
 * `metadata.reason` is the system's error name, such as "EACCES".
 */
export function listenError(cause: NodeJS.ErrnoException, host: string, port: number): HoldfastError {
  const metadata = { host, port, ...(cause.code === undefined ? {} : { reason: cause.code }) };
  const told = (code: string, message: string) =>
    new HoldfastError("gateway", code, message, { cause, metadata });
  switch (cause.code) {
    case "EADDRINUSE":
      return told(
        "port_in_use",
        `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another port: ` +
          "HOLDFAST_PORT=6421, or listen({ port: 6421 })",
      );
    case "EACCES":
      return told(
        "cannot_listen",
        `This user may not listen on port ${port} of ${host}: the system reserves low ports for root. ` +
          "Choose a higher one, for example with HOLDFAST_PORT=6421",
      );
    case "EADDRNOTAVAIL":
      return told(
        "cannot_listen",
        `${host} is not an address of this machine. Choose one that is, such as 127.0.0.1, or 0.0.0.0 for all of them`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return told(
        "cannot_listen",
        `The host "${host}" has no address here. Choose an address of this machine, such as 127.0.0.1`,
      );
    default: {
      const [, reason] = getSystemErrorMap().get(cause.errno ?? 0) ?? [];
      return told(
        "cannot_listen",
        `Cannot listen on port ${port} of ${host}: ${reason ?? cause.code ?? cause.message}`,
      );
    }
  }
}
