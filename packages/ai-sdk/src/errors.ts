import { HoldfastError } from "@holdfast/core";

export function invalidDefinition(why: string): HoldfastError {
  return new HoldfastError("chat", "invalid_definition", `chat(): ${why}`, { statusCode: 500 });
}

export function invalidRequest(why: string): HoldfastError {
  return new HoldfastError("chat", "invalid_request", `This is no request of a chat: ${why}`, {
    statusCode: 400,
  });
}

export function invalidMessage(why: string): HoldfastError {
  return new HoldfastError("chat", "invalid_message", `The message cannot be sent: ${why}`, {
    statusCode: 400,
  });
}

export function answerRunning(): HoldfastError {
  return new HoldfastError("chat", "answer_running", "An answer is being written: wait, or stop it first", {
    statusCode: 409,
  });
}

export function unknownMessage(id: string): HoldfastError {
  return new HoldfastError("chat", "unknown_message", `This chat has no message "${id}"`, {
    statusCode: 404,
  });
}
