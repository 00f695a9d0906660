import { createRequire } from 'node:module';
import { middlewareSuite } from '@inmesh/testing';
import { describe, test } from '@jest/globals';
import express from 'express';
import { makeExpressApp, makeFastifyApp, makeHttpApp } from './suite-apps.ts';

// An alias of npm's, which has no types of its own.
const express4 = createRequire(import.meta.url)('express4') as typeof express;

middlewareSuite('plain http', makeHttpApp, { describe, test });
middlewareSuite('Express 4', makeExpressApp(express4), { describe, test });
middlewareSuite('Express 5', makeExpressApp(express), { describe, test });
middlewareSuite('Fastify 5', makeFastifyApp, { describe, test });
