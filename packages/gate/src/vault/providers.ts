import type { EgressAllowRule, ProviderName } from "../egress/egress.ts";

/** A model provider: its addresses, variables, and the requests that agents may send. */
export interface ProviderDefinition {
  /** Environment variables with a key, in order of preference. */
  readonly keyVariables: readonly string[];
  readonly baseVariable: string;
  /** Undefined for a provider without an address of its own: the operator sets it. */
  readonly baseUrl?: string;
  /** Base URL for the user's login, which is used when there is no key. */
  readonly loginBaseUrl?: string;
  readonly loginName?: string;
  readonly keyForm: "bearer" | "x-api-key" | "x-goog-api-key";
  readonly allow: readonly EgressAllowRule[];
}

/**
 * Only generation and token counting are allowed: batches, files, caches and tuned models outlive the call, and no budget
 * would see their cost.
 */
const post = (pathPrefix: string): EgressAllowRule => ({ methods: ["POST"], pathPrefix, exact: true });

const chat: readonly EgressAllowRule[] = [
  ...["/responses", "/responses/compact", "/responses/input_tokens", "/chat/completions"].map(post),
  { methods: ["GET"], pathPrefix: "/models" },
];

const generate = [":generateContent", ":streamGenerateContent", ":countTokens"];

export const providers: Readonly<Record<ProviderName, ProviderDefinition>> = {
  anthropic: {
    keyVariables: ["ANTHROPIC_API_KEY"],
    baseVariable: "HOLDFAST_ANTHROPIC_BASE_URL",
    baseUrl: "https://api.anthropic.com",
    loginBaseUrl: "https://api.anthropic.com",
    loginName: "the Claude login of this person",
    keyForm: "x-api-key",
    allow: [
      ...["/v1/messages", "/v1/messages/count_tokens"].map(post),
      { methods: ["GET"], pathPrefix: "/v1/models" },
    ],
  },
  openai: {
    keyVariables: ["OPENAI_API_KEY"],
    baseVariable: "HOLDFAST_OPENAI_BASE_URL",
    baseUrl: "https://api.openai.com/v1",
    loginBaseUrl: "https://chatgpt.com/backend-api/codex",
    loginName: "the ChatGPT login of this person",
    keyForm: "bearer",
    allow: chat,
  },
  google: {
    keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    baseVariable: "HOLDFAST_GOOGLE_BASE_URL",
    baseUrl: "https://generativelanguage.googleapis.com",
    keyForm: "x-goog-api-key",
    allow: ["/v1beta", "/v1"].flatMap((version) => [
      { methods: ["POST"], pathPrefix: `${version}/models`, suffixes: generate },
      { methods: ["GET"], pathPrefix: `${version}/models` },
    ]),
  },
  openrouter: {
    keyVariables: ["OPENROUTER_API_KEY"],
    baseVariable: "HOLDFAST_OPENROUTER_BASE_URL",
    baseUrl: "https://openrouter.ai/api/v1",
    keyForm: "bearer",
    allow: chat,
  },
  "openai-compatible": {
    keyVariables: ["OPENAI_COMPATIBLE_API_KEY"],
    baseVariable: "HOLDFAST_OPENAI_COMPATIBLE_BASE_URL",
    keyForm: "bearer",
    allow: chat,
  },
};
