// Shows the OpenAPI document. Everything is set as text, nothing as markup.
"use strict";

const el = (name, text, kind) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
};

const named = (ref) => ref.split("/").pop();

// A schema in a form that people read; schemas inside are shown down to a depth.
const shape = (doc, schema, depth = 0, seen = []) => {
  if (!schema) return "";
  const pad = "  ".repeat(depth + 1);
  if (schema.$ref) {
    const name = named(schema.$ref);
    if (depth > 4 || seen.includes(name)) return name;
    return shape(doc, doc.components.schemas[name], depth, [...seen, name]);
  }
  const any = schema.oneOf || schema.anyOf;
  if (any) return any.map((one) => shape(doc, one, depth, seen)).join(" | ");
  if (schema.allOf) return schema.allOf.map((one) => shape(doc, one, depth, seen)).join(" & ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "any";
  if (schema.properties) {
    const required = schema.required || [];
    const lines = Object.entries(schema.properties).map(([name, its]) => {
      const about = (its.description || "").split("\n")[0];
      const text = shape(doc, its, depth + 1, seen);
      return `${pad}${name}${required.includes(name) ? "" : "?"}: ${text}${about ? "   // " + about : ""}`;
    });
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  if (schema.items) return `[${shape(doc, schema.items, depth, seen)}]`;
  return schema.format ? `${type} (${schema.format})` : type;
};

const parameters = (list) => {
  const table = el("table");
  for (const one of list) {
    const row = el("tr");
    row.append(el("td", one.name), el("td", one.in), el("td", one.description || ""));
    table.append(row);
  }
  return table;
};

const responses = (doc, operation) => {
  const table = el("table");
  for (const [status, given] of Object.entries(operation.responses)) {
    const response = given.$ref ? doc.components.responses[named(given.$ref)] : given;
    const row = el("tr");
    row.append(el("td", status), el("td", response.description || ""));
    table.append(row);
  }
  return table;
};

const body = (doc, title, content) => {
  const part = document.createDocumentFragment();
  const [type, media] = Object.entries(content || {})[0] || [];
  if (!media || !media.schema) return part;
  part.append(el("p", `${title}, ${type}`), el("pre", shape(doc, media.schema)));
  return part;
};

const show = (doc, method, path, operation) => {
  const details = el("details");
  const summary = el("summary");
  summary.append(el("span", method.toUpperCase(), "method"), el("code", path));
  summary.append(` ${operation.summary || ""} `, el("span", operation["x-permission"], "who"));
  details.append(summary);
  details.dataset.text = [method, path, operation.summary, operation["x-permission"]].join(" ").toLowerCase();
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return;
    if (operation.description) details.append(el("p", operation.description));
    if (operation.parameters) details.append(parameters(operation.parameters));
    if (operation.requestBody) details.append(body(doc, "Send", operation.requestBody.content));
    for (const [status, response] of Object.entries(operation.responses)) {
      if (status.startsWith("2")) details.append(body(doc, `Answer ${status}`, response.content));
    }
    details.append(responses(doc, operation));
  });
  return details;
};

const start = async () => {
  const about = document.getElementById("about");
  const main = document.getElementById("operations");
  const answer = await fetch("/api/v1/openapi.json");
  if (!answer.ok) throw new Error(`the document could not be read: ${answer.status}`);
  const doc = await answer.json();
  about.textContent = doc.info.description;
  const groups = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const tag = (operation.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(show(doc, method, path, operation));
    }
  }
  for (const [tag, list] of groups) {
    const section = el("section");
    section.append(el("h2", tag), ...list);
    main.append(section);
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const details of main.querySelectorAll("details")) {
      details.classList.toggle("hidden", !words.every((word) => details.dataset.text.includes(word)));
    }
  });
};

start().catch((error) => {
  document.getElementById("about").textContent = `${error.message}. Reload the page.`;
});
