/** Descriptions that the far side's dialects fit; a line of one lacks its address, account and secret. */
import form from "../fixtures/form.json";
import json from "../fixtures/json.json";
import jy from "../fixtures/jy.json";
import xml from "../fixtures/xml.json";

export const examples = { json, form, xml, jy };
