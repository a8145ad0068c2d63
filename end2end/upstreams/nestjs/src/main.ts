// Starts the API alone: `PORT=4032 npm start`. Everything lives in memory and is gone when it stops.
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { JwtModule } from '@nestjs/jwt'
import cookieParser from 'cookie-parser'
import { randomBytes } from 'node:crypto'
import { AuthController, CookieGuard, RefreshTokens } from './auth'
import { Notes, NotesController } from './notes'
import { seed } from './seed'
import { Users, UsersController } from './users'

@Module({
  imports: [
    JwtModule.register({
      // Users are lost with the process, so their tokens may be as well.
      secret: randomBytes(32).toString('hex'),
      signOptions: { algorithm: 'HS256', expiresIn: Number(process.env.NEST_JWT_EXPIRES_IN ?? 15 * 60) },
    }),
  ],
  controllers: [AuthController, UsersController, NotesController],
  providers: [CookieGuard, Notes, RefreshTokens, Users],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
  app.use(cookieParser())
  app.enableShutdownHooks()
  await seed(app.get(Users), app.get(Notes))
  await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
  console.log(`NestJS listens on ${await app.getUrl()}`)
}

void main()
