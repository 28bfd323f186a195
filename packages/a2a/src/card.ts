import { AgentCard } from "@a2a-js/sdk";
import type { A2aOptions } from "./options.ts";

const textModes = ["text/plain"];

/** The card of an agent, for version 1.0 of the protocol; its endpoint also serves version 0.3. */
export function cardOf(options: A2aOptions, url: string): AgentCard {
  const { name, description, version, skills = [], provider, documentationUrl, iconUrl } = options;
  return {
    ...{ name, description, version },
    supportedInterfaces: ["1.0", "0.3"].map((protocolVersion) => ({
      ...{ url, protocolBinding: "JSONRPC", tenant: "", protocolVersion },
    })),
    provider: provider && { ...provider },
    documentationUrl,
    iconUrl,
    capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
    securitySchemes:
      options.bearer === true
        ? {
            bearer: {
              scheme: {
                $case: "httpAuthSecurityScheme",
                value: { description: "", scheme: "bearer", bearerFormat: "" },
              },
            },
          }
        : {},
    securityRequirements: options.bearer === true ? [{ schemes: { bearer: { list: [] } } }] : [],
    defaultInputModes: textModes,
    defaultOutputModes: textModes,
    skills: skills.map(({ id, name: title, description: says, tags = [], examples = [] }) => ({
      ...{ id, name: title, description: says, tags: [...tags], examples: [...examples] },
      ...{ inputModes: [], outputModes: [], securityRequirements: [] },
    })),
    signatures: [],
  };
}

/** The card as JSON, in the shape of a version of the protocol. */
export function cardJson(card: AgentCard, isLegacy: boolean): unknown {
  const json = AgentCard.toJSON(card) as Record<string, unknown>;
  if (!isLegacy) return json;
  const { securityRequirements: _requirements, securitySchemes: _schemes, ...rest } = json;
  const hasBearer = card.securityRequirements.length > 0;
  return {
    ...rest,
    ...{ protocolVersion: "0.3.0", preferredTransport: "JSONRPC", url: card.supportedInterfaces[0]?.url },
    skills: card.skills.map(({ id, name, description, tags, examples }) => ({
      ...{ id, name, description, tags, examples },
    })),
    ...(hasBearer
      ? { securitySchemes: { bearer: { type: "http", scheme: "bearer" } }, security: [{ bearer: [] }] }
      : {}),
  };
}
