/** Codes of failed calls, as programs in a machine see them. Documented in docs/reference/agent-os-tools.md. */
export type ToolFailureCode =
  | "TOOLKIT_NOT_FOUND"
  | "TOOL_NOT_FOUND"
  | "VALIDATION_ERROR"
  | "EXECUTION_ERROR"
  | "TIMEOUT"
  | "INPUT_TOO_LARGE"
  | "RESULT_TOO_LARGE"
  | "TOO_MANY_CALLS"
  | "MACHINE_STOPPED";

/** A call that failed; its message is for the caller. */
export class ToolFailure extends Error {
  readonly code: ToolFailureCode;

  constructor(code: ToolFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}
