import {
  Body,
  CanActivate,
  Controller,
  ExecutionContext,
  HttpCode,
  Injectable,
  Post,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common'
import { JwtService } from '@nestjs/jwt'
import type { Request, Response } from 'express'
import { randomBytes } from 'node:crypto'
import { User, Users } from './users'

const REFRESH_COOKIE = 'refreshToken'

/** How long a refresh token is good, in seconds. */
const refreshLife = () => Number(process.env.NEST_REFRESH_EXPIRES_IN ?? 30 * 24 * 60 * 60)

/** Who asks, as the guard found out. */
export interface Asked extends Request {
  userId: string
}

/** Lets nobody pass without a good token in the cookie `accessToken`. */
@Injectable()
export class CookieGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Asked>()
    try {
      const claims = await this.jwt.verifyAsync<{ sub: string }>(request.cookies?.accessToken ?? '')
      request.userId = claims.sub
      return true
    } catch {
      throw new UnauthorizedException()
    }
  }
}

/** Refresh tokens: each serves once. */
@Injectable()
export class RefreshTokens {
  readonly #all = new Map<string, { userId: string; end: number }>()

  issue(userId: string): string {
    const token = randomBytes(32).toString('base64url')
    this.#all.set(token, { userId, end: Date.now() + refreshLife() * 1000 })
    return token
  }

  spend(token: string): string | undefined {
    const found = this.#all.get(token)
    this.#all.delete(token)
    return found !== undefined && found.end > Date.now() ? found.userId : undefined
  }
}

/** `api/login`, `api/refresh` and `api/logout`. The access token is in the answer, the refresh token in a cookie. */
@Controller('api')
export class AuthController {
  constructor(
    private readonly users: Users,
    private readonly jwt: JwtService,
    private readonly refreshTokens: RefreshTokens,
  ) {}

  @Post('login')
  async logIn(@Body() fields: Record<string, unknown>, @Res({ passthrough: true }) response: Response) {
    const user = await this.users.find(fields?.email, fields?.password)
    if (user === undefined) {
      throw new UnauthorizedException()
    }
    return this.letIn(user, response)
  }

  @Post('refresh')
  async refresh(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    const userId = this.refreshTokens.spend(request.cookies?.[REFRESH_COOKIE] ?? '')
    const user = userId === undefined ? undefined : this.users.byId(userId)
    if (user === undefined) {
      throw new UnauthorizedException()
    }
    return this.letIn(user, response)
  }

  @Post('logout')
  @HttpCode(204)
  logOut(@Req() request: Request, @Res({ passthrough: true }) response: Response): void {
    this.refreshTokens.spend(request.cookies?.[REFRESH_COOKIE] ?? '')
    response.clearCookie(REFRESH_COOKIE, { path: '/api' })
  }

  private async letIn({ id, email, name }: User, response: Response) {
    response.cookie(REFRESH_COOKIE, this.refreshTokens.issue(id), {
      httpOnly: true,
      sameSite: 'strict',
      path: '/api',
      maxAge: refreshLife() * 1000,
    })
    return { accessToken: await this.jwt.signAsync({ sub: id, email, name }) }
  }
}
