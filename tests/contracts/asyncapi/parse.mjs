// Reads an AsyncAPI document and prints, as one JSON object, what the parser thinks of it and what it has understood.
// Arguments: the document's path.
import { Parser, fromFile } from "@asyncapi/parser";

const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
const told = diagnostics.map((each) => ({
  severity: ["error", "warning", "information", "hint"][each.severity],
  code: each.code,
  path: each.path.join("/"),
  message: each.message,
}));
const channels = (document?.channels().all() ?? []).map((channel) => {
  const [message] = channel.messages().all();
  const [operation] = channel.operations().all();
  const [envelope, pinned] = message.payload().json().allOf;
  return {
    address: channel.address(),
    exchange: channel.bindings().get("amqp").json().exchange,
    contentType: message.contentType(),
    attributes: Object.keys(envelope.properties),
    type: pinned.properties.type.const,
    fields: Object.keys(pinned.properties.data.properties),
    example: message.examples().all()[0]?.payload() ?? null,
    action: operation.action(),
    service: operation.tags().all()[0].name(),
  };
});
console.log(JSON.stringify({ diagnostics: told, channels }));
