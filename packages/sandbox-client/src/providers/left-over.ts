import { HoldfastError } from "@holdfast/core";

/**
 * Ends a sandbox (`<provider>/<id>`) that could not be used. What failed first is what the caller learns;
 * that the sandbox was left over is said with it, as `sandbox.sandbox_left_over`.
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
