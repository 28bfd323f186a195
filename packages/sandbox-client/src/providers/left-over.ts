import { HoldfastError } from "@holdfast/core";

/**
 * Destroys a sandbox (`<provider>/<id>`) that could not be used because of `error`. Throws `sandbox.sandbox_left_over`,
 * with both errors, if destroying fails too.
 */
export async function destroyAfter(
  error: unknown,
  sandboxId: string,
  destroy: () => Promise<unknown>,
): Promise<void> {
  try {
    await destroy();
  } catch (cause) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${why}; and sandbox "${sandboxId}" could not be destroyed afterwards`;
    throw new HoldfastError("sandbox", "sandbox_left_over", message, {
      statusCode: 500,
      metadata: { sandboxId },
      cause: new AggregateError([error, cause]),
    });
  }
}
