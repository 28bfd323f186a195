/**
 * What a handler's import of the plugin API finds: all of it, and its types as names of nothing. A compiler takes
 * them out of `import { PluginHandler, ToolError }`; Node leaves them there, and would ask for each.
 */
export * from "./api.ts";

export const ArgumentsSchema = undefined;
export const AuditLogEntry = undefined;
export const AuditLogFilter = undefined;
export const ChannelServices = undefined;
export const CoreServices = undefined;
export const CredentialSpec = undefined;
export const EgressDeclaration = undefined;
export const ErrorCodeValue = undefined;
export const ErrorMessageParts = undefined;
export const ErrorPayload = undefined;
export const EventEnvelope = undefined;
export const JsonSchemaProperty = undefined;
export const PluginContext = undefined;
export const PluginHandler = undefined;
export const PluginManifest = undefined;
export const PluginServices = undefined;
export const PluginVerifyResult = undefined;
export const PublishedEvent = undefined;
export const ServerConnection = undefined;
export const SessionFindCriteria = undefined;
export const SessionInfo = undefined;
export const SessionLookup = undefined;
export const SessionRecord = undefined;
export const SharedFolder = undefined;
export const ToolDeclaration = undefined;
export const ToolErrorOptions = undefined;
export const ToolInvocationResult = undefined;
