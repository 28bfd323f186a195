import { pluginLimits } from "../plugin-limits.ts";

const text = { type: "string" } as const;
const texts = { type: "array", items: text } as const;
const timeout = { type: "integer", minimum: 1, maximum: pluginLimits.maxTimeoutMs } as const;

/** JSON Schema of `manifest.json`: the peer's fields, and optional ones of our own. */
export const manifestSchema = {
  type: "object",
  required: ["description", "version", "app_compat", "author", "provides", "subscribes"],
  additionalProperties: false,
  $defs: {
    property: {
      type: "object",
      required: ["type"],
      additionalProperties: false,
      properties: {
        type: text,
        description: text,
        default: {},
        maxLength: { type: "number" },
        format: text,
        maximum: { type: "number" },
        minimum: { type: "number" },
        maxItems: { type: "number" },
        enum: { type: "array" },
        items: { $ref: "#/$defs/property" },
      },
    },
    properties: { type: "object", additionalProperties: { $ref: "#/$defs/property" } },
    tool: {
      type: "object",
      required: ["name", "description", "risk_level", "arguments_schema"],
      additionalProperties: false,
      properties: {
        name: text,
        description: text,
        risk_level: { enum: ["low", "high"] },
        arguments_schema: {
          type: "object",
          required: ["type", "additionalProperties", "properties"],
          additionalProperties: false,
          properties: {
            type: { const: "object" },
            additionalProperties: { const: false },
            properties: { $ref: "#/$defs/properties" },
            required: texts,
          },
        },
        output_schema: { type: "object" },
        timeout_ms: timeout,
        untrusted: { type: "boolean" },
      },
    },
    credential: {
      type: "object",
      required: ["key", "description", "required"],
      additionalProperties: false,
      properties: {
        key: text,
        description: text,
        required: { type: "boolean" },
        obtain_url: text,
        format_hint: text,
      },
    },
    egress: {
      type: "object",
      required: ["name", "url"],
      additionalProperties: false,
      properties: {
        name: { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$" },
        url: { type: "string", pattern: "^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$" },
        methods: {
          type: "array",
          minItems: 1,
          items: { enum: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] },
        },
        paths: { type: "array", minItems: 1, items: { type: "string", pattern: "^/" } },
        credential: text,
        credential_as: { enum: ["bearer", "x-api-key"] },
      },
    },
  },
  properties: {
    description: text,
    version: { type: "string", minLength: 1, maxLength: 64 },
    app_compat: text,
    author: {
      type: "object",
      required: ["name"],
      additionalProperties: false,
      properties: { name: text, url: text },
    },
    provides: {
      type: "object",
      required: ["channels", "tools"],
      additionalProperties: false,
      properties: {
        channels: texts,
        tools: { type: "array", maxItems: pluginLimits.maxToolsPerPlugin, items: { $ref: "#/$defs/tool" } },
      },
    },
    subscribes: texts,
    allowed_groups: texts,
    session: { enum: ["fresh", "resume", "explicit"] },
    install: {
      type: "object",
      required: ["credentials"],
      additionalProperties: false,
      properties: { credentials: { type: "array", items: { $ref: "#/$defs/credential" } } },
    },
    config_schema: {
      type: "object",
      required: ["type", "properties"],
      additionalProperties: false,
      properties: { type: text, properties: { $ref: "#/$defs/properties" }, required: texts },
    },
    egress: { type: "array", maxItems: 16, items: { $ref: "#/$defs/egress" } },
    timeout_ms: timeout,
    secrets: texts,
    digest: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" },
  },
} as const;
