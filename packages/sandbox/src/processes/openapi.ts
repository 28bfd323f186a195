import { json, jsonBody, type OpenApiPart, object, problems, ref } from "../openapi/part.ts";

const tags = ["processes"];
const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const flag = { type: "boolean" };

export const processesPart: OpenApiPart = {
  paths: {
    "/v1/processes/run": {
      post: {
        operationId: "runProcess",
        summary: "Runs a command to its end and answers its output.",
        tags,
        requestBody: jsonBody(ref("ProcessRunRequest")),
        responses: {
          200: json("How it ended", ref("ProcessRunResponse")),
          ...problems({
            400: "Malformed JSON or an empty command",
            409: "Too many run at once",
            413: "The body is too large",
            415: "The body is not JSON",
            422: "The body has another shape",
            502: "The command did not start",
          }),
        },
      },
    },
  },
  schemas: {
    ProcessRunRequest: object(
      {
        command: text,
        args: { type: ["array", "null"], items: text },
        cwd: { type: ["string", "null"] },
        env: { type: ["object", "null"], additionalProperties: text },
        timeoutMs: { type: ["integer", "null"], minimum: 0 },
        maxOutputBytes: { type: ["integer", "null"], minimum: 0 },
      },
      ["args", "cwd", "env", "timeoutMs", "maxOutputBytes"],
    ),
    ProcessRunResponse: object({
      exitCode: { type: ["integer", "null"] },
      timedOut: flag,
      stdout: text,
      stderr: text,
      stdoutTruncated: flag,
      stderrTruncated: flag,
      durationMs: count,
    }),
  },
};
