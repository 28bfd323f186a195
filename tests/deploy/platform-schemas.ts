/**
 * Strict schemas of the files that platforms read: of their fields, those that `deploy/` uses or is likely to use, as
 * the platforms documented them in November 2026. No registry has a package with their own schemas.
 *
 * - Fly: "App configuration (fly.toml)", https://fly.io/docs/reference/configuration/
 * - Railway: "Config as Code", https://docs.railway.com/config-as-code/reference; that numbers are not text is from
 *   https://github.com/railwayapp/docs/issues/1243
 * - Render: "Blueprint YAML Reference", https://render.com/docs/blueprint-spec
 */
const closed = { type: "object", additionalProperties: false } as const;
const text = { type: "string", minLength: 1 } as const;
const count = { type: "integer", minimum: 1 } as const;
const path = { type: "string", pattern: "^/" } as const;
/** Milliseconds, or a number with its unit. */
const duration = { type: ["integer", "string"], pattern: "^\\d+(ms|s|m|h)$" } as const;

export const flySchema = {
  ...closed,
  required: ["app", "http_service"],
  properties: {
    app: { type: "string", pattern: "^[a-z0-9-]+$" },
    primary_region: { type: "string", pattern: "^[a-z]{3}$" },
    kill_signal: { enum: ["SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP"] },
    kill_timeout: { type: "integer", minimum: 0, maximum: 300 },
    build: { ...closed, properties: { image: text, dockerfile: text, args: { type: "object" } } },
    deploy: {
      ...closed,
      properties: {
        strategy: { enum: ["rolling", "immediate", "canary", "bluegreen"] },
        wait_timeout: duration,
      },
    },
    // Values are text, and the platform sets the names that begin with FLY_.
    env: {
      type: "object",
      propertyNames: { pattern: "^(?!FLY_)" },
      additionalProperties: { type: "string" },
    },
    mounts: {
      ...closed,
      required: ["source", "destination"],
      properties: {
        source: { type: "string", pattern: "^[a-z0-9_]+$" },
        destination: { type: "string", pattern: "^/." },
        initial_size: text,
        processes: { type: "array", items: text },
      },
    },
    http_service: {
      ...closed,
      required: ["internal_port"],
      properties: {
        internal_port: count,
        force_https: { type: "boolean" },
        auto_stop_machines: { enum: ["off", "stop", "suspend"] },
        auto_start_machines: { type: "boolean" },
        min_machines_running: { type: "integer", minimum: 0 },
        http_options: { ...closed, properties: { idle_timeout: count, h2_backend: { type: "boolean" } } },
        concurrency: {
          ...closed,
          properties: { type: { enum: ["connections", "requests"] }, soft_limit: count, hard_limit: count },
        },
        checks: {
          type: "array",
          items: {
            ...closed,
            properties: {
              grace_period: duration,
              interval: duration,
              timeout: duration,
              method: { enum: ["GET", "HEAD", "get", "head"] },
              path,
              protocol: { enum: ["http", "https"] },
              headers: { type: "object", additionalProperties: { type: "string" } },
            },
          },
        },
      },
    },
    vm: { type: "array", items: { ...closed, properties: { size: text, memory: text, cpus: count } } },
  },
} as const;

export const railwaySchema = {
  ...closed,
  properties: {
    $schema: { const: "https://railway.com/railway.schema.json" },
    build: {
      ...closed,
      properties: {
        builder: { enum: ["RAILPACK", "DOCKERFILE", "NIXPACKS"] },
        dockerfilePath: text,
        buildCommand: text,
        watchPatterns: { type: "array", items: text },
      },
    },
    deploy: {
      ...closed,
      properties: {
        startCommand: text,
        healthcheckPath: path,
        healthcheckTimeout: count,
        restartPolicyType: { enum: ["ON_FAILURE", "ALWAYS", "NEVER"] },
        restartPolicyMaxRetries: count,
        overlapSeconds: { type: "integer", minimum: 0 },
        drainingSeconds: { type: "integer", minimum: 0 },
      },
    },
  },
} as const;

/** A variable has a value, or the platform asks for one or makes one up. */
const renderVariable = {
  ...closed,
  required: ["key"],
  properties: {
    key: text,
    value: { type: ["string", "number", "boolean"] },
    sync: { const: false },
    generateValue: { const: true },
  },
  oneOf: [{ required: ["value"] }, { required: ["sync"] }, { required: ["generateValue"] }],
} as const;

export const renderSchema = {
  ...closed,
  required: ["services"],
  properties: {
    services: {
      type: "array",
      items: {
        ...closed,
        required: ["type", "name", "runtime"],
        properties: {
          type: { enum: ["web", "pserv", "worker"] },
          name: text,
          runtime: { enum: ["docker", "image", "node"] },
          plan: { enum: ["free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra"] },
          region: { enum: ["oregon", "ohio", "virginia", "frankfurt", "singapore"] },
          repo: text,
          branch: text,
          rootDir: text,
          dockerfilePath: text,
          dockerContext: text,
          dockerCommand: text,
          numInstances: count,
          healthCheckPath: path,
          maxShutdownDelaySeconds: { type: "integer", minimum: 1, maximum: 300 },
          domains: { type: "array", items: text },
          disk: {
            ...closed,
            required: ["name", "mountPath"],
            properties: { name: text, mountPath: { type: "string", pattern: "^/." }, sizeGB: count },
          },
          envVars: { type: "array", items: renderVariable },
        },
      },
    },
  },
} as const;
