export { type ChatHandle, type ChatTransportOptions, chatTransport } from "@holdfast/agent/chat";
