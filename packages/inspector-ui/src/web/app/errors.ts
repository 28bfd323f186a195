import { isHoldfastError } from "@holdfast/core";
import type { ErrorText } from "@holdfast/web-parts/errors";

/** An error as text for people, with what to do next. The code is shown separately, for the documentation. */
export function describeError(error: unknown): ErrorText {
  if (isHoldfastError(error) && error.group === "inspector" && error.code === "unauthorized") {
    return {
      title: "The program does not let this page inspect its actors.",
      next: "It has a manage hook, or an inspector token. Leave them out while you develop.",
    };
  }
  // Groups "client" and "conn" are connection errors; all others come from the server.
  if (isHoldfastError(error) && error.group !== "client" && error.group !== "conn") {
    return { title: error.message, next: "" };
  }
  return { title: "The program does not answer.", next: "This page retries automatically." };
}
