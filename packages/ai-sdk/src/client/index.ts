/** The browser's side of a chat. May use nothing but the platform and the AI SDK. */
export { type ChatFollower, type FollowedChat, followChat } from "./follow.ts";
export { ActorChatTransport, type ChatHandle, type TransportOptions } from "./transport.ts";
