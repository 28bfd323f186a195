/**
 * The plugin API as handlers import it, with its types as undefined values. A compiler removes types from `import {
 * PluginHandler, ToolError }`; Node does not, and requires an export for each.
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
