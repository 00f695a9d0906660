import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const folder = resolve(import.meta.dirname, '../../../deploy/kubernetes');

test.each(readdirSync(folder))(
  '%s is YAML, each document an object of Kubernetes with a name',
  (name) => {
    for (const document of parseAllDocuments(readFileSync(join(folder, name), 'utf8'))) {
      expect(document.errors).toEqual([]);
      expect(document.toJS()).toMatchObject({
        apiVersion: expect.any(String),
        kind: expect.any(String),
        metadata: { name: expect.any(String) },
      });
    }
  },
);
