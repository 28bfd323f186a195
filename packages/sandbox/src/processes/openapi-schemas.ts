import { array, type JsonSchema, object, ref } from "../openapi/part.ts";

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const positive = { type: "integer", minimum: 1 };

const command = {
  command: text,
  args: { type: ["array", "null"], items: text },
  cwd: { type: ["string", "null"] },
  env: { type: ["object", "null"], additionalProperties: text },
};
const commandOptional = ["args", "cwd", "env"];

const probeTimes = {
  intervalMs: count,
  timeoutMs: count,
  retries: count,
  startPeriodMs: count,
  restart: { ...flag, description: "Kills an unhealthy process. Its restart policy then restarts it." },
};
const probeOptional = Object.keys(probeTimes);

/** Request and response schemas of the process routes. */
export const processSchemas: Readonly<Record<string, JsonSchema>> = {
  ProcessConfig: object({
    defaultRunTimeoutMs: positive,
    maxConcurrentProcesses: positive,
    maxInputBytesPerRequest: positive,
    maxLogBytesPerProcess: positive,
    maxOutputBytes: positive,
    maxRunTimeoutMs: positive,
  }),
  ProcessRunRequest: object(
    {
      ...command,
      timeoutMs: { type: ["integer", "null"], minimum: 0 },
      maxOutputBytes: { type: ["integer", "null"], minimum: 0 },
    },
    [...commandOptional, "timeoutMs", "maxOutputBytes"],
  ),
  ProcessRunResponse: object(
    {
      exitCode: { type: ["integer", "null"] },
      timedOut: flag,
      stdout: text,
      stderr: text,
      stdoutTruncated: flag,
      stderrTruncated: flag,
      durationMs: count,
      limitsHit: ref("CommandLimits"),
    },
    ["limitsHit"],
  ),
  CommandLimits: array({
    enum: ["tasks", "memory"],
    description: "A limit that the command hit: a fork that failed or a process that was killed.",
  }),
  ProcessCreateRequest: object(
    {
      ...command,
      tty: { type: ["boolean", "null"] },
      interactive: { type: ["boolean", "null"] },
      cols: { type: ["integer", "null"], minimum: 0, maximum: 65_535 },
      rows: { type: ["integer", "null"], minimum: 0, maximum: 65_535 },
      name: {
        type: ["string", "null"],
        pattern: "^(?!(proc_[0-9]+|config|run)$)[A-Za-z][A-Za-z0-9._-]{0,63}$",
      },
      restart: { oneOf: [ref("RestartPolicyName"), ref("RestartPolicy"), { type: "null" }] },
      health: { oneOf: [ref("HealthCheck"), { type: "null" }] },
    },
    [...commandOptional, "tty", "interactive", "cols", "rows", "name", "restart", "health"],
  ),
  RestartPolicyName: { enum: ["never", "on-failure", "always"] },
  RestartPolicy: object(
    { policy: ref("RestartPolicyName"), maxRestarts: count, backoffMs: count, maxBackoffMs: count },
    ["maxRestarts", "backoffMs", "maxBackoffMs"],
  ),
  HealthCheck: {
    oneOf: [
      object({ type: { const: "tcp" }, port: positive, ...probeTimes }, probeOptional),
      object({ type: { const: "http" }, port: positive, path: text, ...probeTimes }, [
        "path",
        ...probeOptional,
      ]),
      object({ type: { const: "exec" }, command: text, args: array(text), ...probeTimes }, [
        "args",
        ...probeOptional,
      ]),
    ],
  },
  ProcessOwner: { enum: ["user", "desktop", "system"] },
  ProcessState: { enum: ["running", "exited"] },
  ProcessInfo: object(
    {
      id: text,
      command: text,
      args: array(text),
      cwd: text,
      tty: flag,
      interactive: flag,
      owner: ref("ProcessOwner"),
      status: ref("ProcessState"),
      pid: count,
      exitCode: { type: "integer" },
      createdAtMs: count,
      exitedAtMs: count,
      signal: text,
      limitsHit: ref("CommandLimits"),
      name: text,
      restarts: count,
      restartAtMs: count,
      health: ref("ProcessHealth"),
      survivor: { const: true, description: "Started by an earlier server." },
    },
    [
      ...["cwd", "pid", "exitCode", "exitedAtMs", "signal", "limitsHit", "name"],
      ...["restarts", "restartAtMs", "health", "survivor"],
    ],
  ),
  ProcessHealth: object(
    {
      status: { enum: ["starting", "healthy", "unhealthy"] },
      checkedAtMs: count,
      failures: count,
      detail: text,
    },
    ["checkedAtMs", "detail"],
  ),
  ProcessLogsStream: { enum: ["stdout", "stderr", "combined", "pty"] },
  ProcessLogEntry: object({
    sequence: count,
    stream: ref("ProcessLogsStream"),
    timestampMs: count,
    data: { type: "string", contentEncoding: "base64" },
    encoding: { const: "base64" },
    offset: { ...count, description: "Bytes of output before this entry." },
  }),
  ProcessLogsResponse: object({
    processId: text,
    stream: ref("ProcessLogsStream"),
    entries: array(ref("ProcessLogEntry")),
    firstOffset: { ...count, description: "Offset of the oldest retained byte." },
    nextOffset: { ...count, description: "Total number of bytes printed." },
  }),
  ProcessInputRequest: object(
    {
      data: text,
      encoding: { enum: ["base64", "utf8", "text", null], description: "Default: base64." },
      close: { type: "boolean", description: "Ends the input after the data. Default: false." },
    },
    ["encoding", "close"],
  ),
  ProcessInputResponse: object({ bytesWritten: count }),
  TerminalSize: object({
    cols: { ...count, maximum: 65_535 },
    rows: { ...count, maximum: 65_535 },
  }),
  PortPreview: object({ port: positive, url: text, ticket: text, expiresAtMs: count }),
  ListeningPort: object(
    {
      port: positive,
      address: text,
      pid: count,
      command: { ...text, description: "The command line of the listening process, shortened." },
      processId: { ...text, description: "Absent for what an agent has started." },
      name: text,
    },
    ["command", "processId", "name"],
  ),
};
